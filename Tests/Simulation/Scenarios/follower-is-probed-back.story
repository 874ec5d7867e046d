0.000 candidates node1
      node1 starts, boot 1
      node2 starts, boot 1
      node3 starts, boot 1
      committed to 1
      node1 campaigns in term 2
      node1 leads in term 2
      committed to 5
2.000 client0 at node1
2.100 client0 write r0 A
      committed to 6
      client0 writes r0: done
2.200 client0 write r0 B
      committed to 7
      client0 writes r0: done
3.000 partition node3 | rest
3.100 client0 write r0 C
      committed to 8
      client0 writes r0: done
3.200 client0 write r0 D
      committed to 9
      client0 writes r0: done
5.000 crash node1
      node1 is down
5.000 candidates node2
5.000 heal
      node2 campaigns in term 3
      node2 leads in term 3
      committed to 10
9.000 client1 at node3
9.000 client1 read r0
      client1 reads r0: D
       the faults stop for node1 node2 node3
       node1 starts, boot 2
       committed to 15
       held
