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
2.100 client0 write r0 B
2.100 client0 write r0 C
      committed to 6
      client0 writes r0: done
      committed to 7
      client0 writes r0: done
      committed to 8
      client0 writes r0: done
4.000 rot node3
5.000 crash node3 for 500ms
      node3 is down
      node3 is lost
7.000 client0 write r0 D
      committed to 9
      client0 writes r0: done
       the faults stop for node1 node2
       committed to 11
       held
