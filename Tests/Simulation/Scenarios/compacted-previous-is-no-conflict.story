0.000 candidates node1
      node1 starts, boot 1
      node2 starts, boot 1
      node3 starts, boot 1
      committed to 1
      node1 campaigns in term 2
      node1 leads in term 2
      committed to 5
2.000 client0 at node1
2.100 duplicate append node1->node2 after 3s next 1
2.100 client0 write r0 A
      committed to 6
      client0 writes r0: done
2.200 client0 write r0 B
      committed to 7
      client0 writes r0: done
2.300 client0 write r0 C
      committed to 8
      client0 writes r0: done
2.400 client0 write r0 D
      committed to 9
      client0 writes r0: done
6.000 client1 at node2
6.000 client1 read r0
      client1 reads r0: D
       the faults stop for node1 node2 node3
       committed to 13
       held
